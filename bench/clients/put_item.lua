-- SPDX-License-Identifier: Apache-2.0
-- wrk's part: one PutItem, signed once; its request is static, so that no Lua runs while wrk measures.
-- Arguments: a file with the headers, one "name: value" a line, an empty line, and the body; and for a constant rate,
-- the requests a second, after which Lua runs once a request.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } instant; int clock_gettime(int clock, instant *now);")
local MONOTONIC = 1

-- Waits for the next instant of a plan in whole milliseconds, rounded up, as wrk2 does.
local function paced(rate)
  local interval_ms = 1000 / rate
  local now = ffi.new("instant")
  local due_ms
  return function()
    ffi.C.clock_gettime(MONOTONIC, now)
    local now_ms = tonumber(now.s) * 1e3 + tonumber(now.ns) / 1e6
    due_ms = (due_ms or now_ms) + interval_ms
    return math.max(0, math.ceil(due_ms - now_ms))
  end
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local text = file:read("*a")
  file:close()
  local head, body = text:match("^(.-)\n\n(.*)$")
  wrk.method = "POST"
  wrk.body = body
  for name, value in head:gmatch("([^\n:]+): ([^\n]*)") do
    -- wrk writes the host itself.
    if name ~= "host" then
      wrk.headers[name] = value
    end
  end
  if arguments[2] then
    delay = paced(tonumber(arguments[2]))
  end
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\n{"requests": %d, "failed": %d}\n', summary.requests, failed))
end
