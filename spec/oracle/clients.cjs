// Vendors' own clients, each asked for a cancel against a server on this machine.
//
// A line of JSON on stdin is a question, a line of JSON on stdout its answer:
//   { client, base, token, settings, id, account }        -> { read, detail }
//   { judge: "twilio", request, response }                -> { errors }; response: { status, body or text }
// `read` is how the client takes the server's answer: a word of stopmsg's, from what the client
// returns or throws. The second kind asks openapi-backend, which holds requests and answers
// against the vendor's own OpenAPI file in openapi/.

"use strict";

const path = require("path");
const readline = require("readline");
const modules = require("module").createRequire(path.resolve(process.argv[2] || ".") + "/");

// One file a client in clients/: what it needs to be asked once, and what its answers and errors are
// called. It gets the question, and these.
const tools = { folder: path.resolve(process.argv[2] || "."), modules, plain, said, refused };

function plain(loaded) {
  return loaded.default || loaded;
}

function said(read, detail) {
  return { read, detail };
}

// A client without a word of its own for an error still tells refused credentials by the status.
function refused(status, word, detail) {
  return { read: word || (status === 401 ? "denied" : "error"), status, detail };
}

const documents = {};

async function backend(name) {
  if (!documents[name]) {
    const { OpenAPIBackend } = modules("openapi-backend");
    const formats = plain(modules("ajv-formats"));
    const api = new OpenAPIBackend({
      definition: path.join(__dirname, "openapi", name + ".json"),
      customizeAjv: (ajv) => {
        formats(ajv);
        return ajv;
      },
      ajvOpts: { strict: false },
      quick: false,
    });
    documents[name] = api.init();
  }
  return documents[name];
}

async function judge({ judge: name, request, response }) {
  const api = await backend(name);
  const matched = api.matchOperation(request);
  if (!matched) {
    return { errors: ["no operation for " + request.method + " " + request.path] };
  }
  const errors = (api.validateRequest(request, matched).errors || []);
  const body = response && (response.text ? JSON.parse(response.text) : response.body);
  const answered = response
    ? api.validateResponse(body, matched, response.status).errors || [] : [];
  return {
    errors: errors.concat(answered).map((error) => (error.instancePath || "") + " " + error.message),
  };
}

// Nothing here takes long; what does has lost its server.
const PATIENCE = 30000;

function bounded(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in " + PATIENCE + " ms")), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function answer(line) {
  const question = JSON.parse(line);
  if (question.judge) {
    return judge(question);
  }
  const ask = require("./clients/" + path.basename(question.client) + ".cjs");
  return ask({ settings: {}, ...question }, tools);
}

(async () => {
  // Clients log what they like; stdout is for answers.
  console.log = console.info = console.warn = console.debug = console.error;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const found = await bounded(answer(line)).catch((error) => ({ crash: String(error.stack || error) }));
    process.stdout.write(JSON.stringify(found) + "\n");
  }
})();
