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

// What each client needs to be asked once, and what its answers and errors are called.
const clients = {
  twilio({ base, token, settings, id }) {
    const twilio = modules("twilio");
    const real = new twilio.RequestClient();
    const httpClient = {
      request(options) {
        const asked = new URL(options.uri);
        return real.request({ ...options, uri: base + asked.pathname + asked.search });
      },
    };
    const user = settings.key || settings.account;
    const client = twilio(user, token, { accountSid: settings.account, httpClient });
    return client.messages(id).update({ status: "canceled" }).then(
      (message) => said(message.status === "canceled" ? "stopped" : "unknown", message.status),
      (error) => refused(error.status, {
        30409: "too_late", 20404: "not_found", 20003: "denied",
      }[error.code], [error.name, error.code, error.message]),
    );
  },

  slack({ base, token, id }) {
    const { WebClient, LogLevel } = modules("@slack/web-api");
    const at = id.indexOf("/");
    const client = new WebClient(token, {
      slackApiUrl: base + "/api/", retryConfig: { retries: 0 }, logLevel: LogLevel.ERROR,
      rejectRateLimitedCalls: true,
    });
    return client.chat.deleteScheduledMessage({
      channel: id.slice(0, at), scheduled_message_id: id.slice(at + 1),
    }).then(
      (answer) => said(answer.ok ? "stopped" : "unknown", answer.error),
      (error) => {
        const word = error.data && error.data.error;
        return refused(error.statusCode, {
          invalid_scheduled_message_id: "gone_or_sent", channel_not_found: "not_found",
          invalid_auth: "denied", not_authed: "denied", missing_scope: "denied",
        }[word], [error.code, word]);
      },
    );
  },

  sendgrid({ base, token, id }) {
    const { Client } = modules("@sendgrid/client");
    const client = new Client();
    client.setApiKey(token);
    client.setDefaultRequest("baseUrl", base + "/");
    return client.request({
      method: "POST", url: "/v3/user/scheduled_sends", body: { batch_id: id, status: "cancel" },
    }).then(
      ([response]) => said(response.statusCode === 201 && response.body.status === "cancel"
        ? "accepted" : "unknown", response.statusCode),
      (error) => refused(error.code, { 404: "not_found", 400: "failed" }[error.code],
        [error.constructor.name, error.response && error.response.body]),
    );
  },

  telnyx({ base, token, id }) {
    const Telnyx = plain(modules("telnyx"));
    const client = new Telnyx({ apiKey: token, baseURL: base + "/v2", maxRetries: 0 });
    return client.messages.cancelScheduled(id).then(
      (message) => {
        const words = message.to.map((to) => to.status);
        return said(words.every((word) => word === "cancelled") ? "stopped"
          : words.every((word) => word === "scheduled") ? "not_stoppable" : "too_late", words);
      },
      (error) => refused(error.status,
        error instanceof Telnyx.NotFoundError ? "not_found"
          : error instanceof Telnyx.AuthenticationError ? "denied"
            : error instanceof Telnyx.PermissionDeniedError ? "forbidden" : undefined,
        [error.constructor.name, error.message]),
    );
  },

  resend({ base, token, id }) {
    const { Resend } = modules("resend");
    return new Resend(token, { baseUrl: base }).emails.cancel(id).then(({ data, error }) =>
      error
        ? refused(error.statusCode, {
          not_found: "not_found", invalid_api_key: "denied", missing_api_key: "denied",
          restricted_api_key: "denied",
        }[error.name] || (/api key is invalid/i.test(error.message) ? "denied"
          : error.statusCode === 422 ? "not_stoppable" : undefined), [error.name, error.message])
        : said("accepted", data.object));
  },

  brevo({ base, token, id }) {
    const { Brevo, BrevoClient } = modules("@getbrevo/brevo");
    const client = new BrevoClient({ apiKey: token, baseUrl: base + "/v3", maxRetries: 0 });
    return client.transactionalEmails.deleteScheduledEmailById({ identifier: id }).then(
      () => said("stopped"),
      (error) => {
        const code = error.body && error.body.code;
        return refused(error.statusCode,
          error instanceof Brevo.UnauthorizedError || code === "unauthorized" ? "denied"
            : code === "document_not_found" ? "not_found"
              : error instanceof Brevo.BadRequestError ? "not_stoppable" : undefined,
          [error.constructor.name, code]);
      },
    );
  },

  onesignal({ base, token, settings, id }) {
    const onesignal = modules("@onesignal/node-onesignal");
    const configuration = onesignal.createConfiguration({
      restApiKey: token, baseServer: new onesignal.ServerConfiguration(base, {}),
    });
    return new onesignal.DefaultApi(configuration).cancelNotification(settings.application, id)
      .then(
        (answer) => said(answer.success === true ? "stopped" : "unknown", answer.success),
        (error) => {
          const body = JSON.stringify(error.body || null);
          return refused(error.code, {
            400: /already/i.test(body) ? "too_late" : "failed", 404: "gone_or_sent",
          }[error.code], [error.constructor.name, body]);
        },
      );
  },

  infobip({ base, token, id }) {
    const { Infobip, AuthType } = modules("@infobip-api/sdk");
    const client = new Infobip({ baseUrl: base, apiKey: token, authType: AuthType.ApiKey });
    // The client returns an error where others throw it.
    return client.channels.sms.updateMessageStatus(id, "CANCELED").then((answer) => {
      const response = answer.response || answer;
      const word = response.data && response.data.status;
      if (response.status === 200) {
        return said({ CANCELED: "stopped", FINISHED: "too_late", PROCESSING: "too_late" }[word]
          || "unknown", word);
      }
      return refused(response.status, { 404: "not_found", 409: "not_stoppable" }[response.status],
        [answer.constructor.name, response.data]);
    });
  },

  sinch({ base, token, settings, id }) {
    const { SinchClient } = modules("@sinch/sdk-core");
    const client = new SinchClient({
      servicePlanId: settings.plan, apiToken: token, smsRegion: settings.region || "us",
      smsHostname: base,
    });
    return client.sms.batches.cancel({ batch_id: id }).then(
      (batch) => said(batch.canceled === true ? "accepted" : "not_stoppable", batch.canceled),
      (error) => refused(error.statusCode, { 404: "not_found" }[error.statusCode],
        [error.constructor.name, error.message]),
    );
  },
};

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
  if (!clients[question.client]) {
    throw new Error("no client is called " + question.client);
  }
  return clients[question.client]({ settings: {}, ...question });
}

(async () => {
  // Clients log what they like; stdout is for answers.
  console.log = console.info = console.warn = console.debug = console.error;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const found = await bounded(answer(line)).catch((error) => ({ crash: String(error.stack || error) }));
    process.stdout.write(JSON.stringify(found) + "\n");
  }
})();
