-- SPDX-License-Identifier: Apache-2.0
-- wrk's part: one PutItem, signed once; its request is static, so that no Lua runs while wrk measures.
-- Argument: a file with the headers, one "name: value" a line, an empty line, and the body.
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
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\n{"requests": %d, "failed": %d}\n', summary.requests, failed))
end
