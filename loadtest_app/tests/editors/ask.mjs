// SPDX-License-Identifier: Apache-2.0
// Asks the language servers of VS Code (JSON) and of YAML about documents, with a schema.
//
// node ask.mjs MODULES < QUESTION: MODULES is the folder with node_modules, QUESTION is JSON with `schema`, and with
// `documents`: [{"name": "a.json", "text": "...", "complete": offset or null}]. Prints for each document the problems and,
// at the offset, the labels of the completions and the text of the hover.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

const modules = process.argv[2];
const require = createRequire(join(modules, "package.json"));
const { getLanguageService, TextDocument } = require("vscode-json-languageservice");
const rpc = require("vscode-jsonrpc/node");

const question = JSON.parse(readFileSync(0, "utf-8"));
const folder = mkdtempSync(join(tmpdir(), "schema-"));
const schemaAddress = pathToFileURL(join(folder, "schema.json")).href;
writeFileSync(join(folder, "schema.json"), JSON.stringify(question.schema));

const shown = (hover) => (hover ? [hover.contents].flat().map((part) => part.value ?? part).join("\n") : "");

async function askJson(documents) {
  const service = getLanguageService({});
  service.configure({ validate: true, schemas: [{ uri: schemaAddress, fileMatch: ["*.json"], schema: question.schema }] });
  const answers = {};
  for (const { name, text, complete } of documents) {
    const document = TextDocument.create(`file:///${name}`, "json", 1, text);
    const parsed = service.parseJSONDocument(document);
    const problems = await service.doValidation(document, parsed);
    answers[name] = { problems: problems.map((problem) => problem.message), labels: [], hover: "" };
    if (complete !== null) {
      const at = document.positionAt(complete);
      const found = await service.doComplete(document, at, parsed);
      answers[name].labels = found.items.map((item) => item.label);
      answers[name].hover = shown(await service.doHover(document, at, parsed));
    }
  }
  return answers;
}

async function askYaml(documents) {
  const program = join(modules, "node_modules", "yaml-language-server", "bin", "yaml-language-server");
  const child = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(child.stdout),
    new rpc.StreamMessageWriter(child.stdin),
  );
  const settings = { validate: true, completion: true, hover: true, schemaStore: { enable: false }, schemas: { [schemaAddress]: "*" } };
  connection.onRequest("workspace/configuration", ({ items }) => items.map(({ section }) => (section === "yaml" ? settings : {})));
  connection.onRequest("client/registerCapability", () => null);
  const waiting = new Map();
  connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) => {
    waiting.get(uri)?.(diagnostics);
  });
  connection.listen();
  await connection.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities: { workspace: { configuration: true } } });
  await connection.sendNotification("initialized", {});
  await connection.sendNotification("workspace/didChangeConfiguration", { settings: { yaml: settings } });
  const answers = {};
  for (const { name, text, complete } of documents) {
    const uri = pathToFileURL(join(folder, name)).href;
    const published = new Promise((resolve) => waiting.set(uri, resolve));
    await connection.sendNotification("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version: 1, text } });
    const diagnostics = await published;
    answers[name] = { problems: diagnostics.map((problem) => problem.message), labels: [], hover: "" };
    if (complete !== null) {
      const lines = text.slice(0, complete).split("\n");
      const position = { line: lines.length - 1, character: lines.at(-1).length };
      const found = await connection.sendRequest("textDocument/completion", { textDocument: { uri }, position });
      answers[name].labels = (found.items ?? found).map((item) => item.label);
      answers[name].hover = shown(await connection.sendRequest("textDocument/hover", { textDocument: { uri }, position }));
    }
  }
  connection.dispose();
  child.kill();
  return answers;
}

const isYaml = ({ name }) => name.endsWith(".yml");
const answers = {
  ...(await askJson(question.documents.filter((document) => !isYaml(document)))),
  ...(await askYaml(question.documents.filter(isYaml))),
};
console.log(JSON.stringify(answers));
