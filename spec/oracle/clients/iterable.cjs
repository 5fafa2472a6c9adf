"use strict";

const path = require("path");
const { pathToFileURL } = require("url");

// The client is a module of the new kind, so it is imported by its path.
module.exports = async ({ base, token, id }, { folder, said, refused }) => {
  const place = path.join(folder, "node_modules/@iterable/api/dist/index.js");
  const { IterableClient } = await import(pathToFileURL(place));
  const client = new IterableClient({ apiKey: token, baseUrl: base });
  return client.cancelEmail({ scheduledMessageId: Number(id) }).then(
    (answer) => said(answer.code === "Success" ? "accepted" : "unknown", answer.code),
    (error) => refused(error.statusCode, {
      NotFound: "not_found", Forbidden: "denied", GenericError: "failed",
    }[error.code], [error.name, error.code]),
  );
};
