"use strict";

module.exports = ({ base, token, settings, id }, { modules, plain, said, refused }) => {
  const Nylas = plain(modules("nylas"));
  const client = new Nylas({ apiKey: token, apiUri: base });
  return client.messages.stopScheduledMessage({ identifier: settings.grant, scheduleId: id }).then(
    (answer) => said(answer.data && answer.data.message ? "accepted" : "unknown", answer.data),
    (error) => refused(error.statusCode, { 404: "not_found" }[error.statusCode],
      [error.constructor.name, error.type, error.message]),
  );
};
