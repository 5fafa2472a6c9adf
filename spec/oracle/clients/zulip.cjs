"use strict";

module.exports = ({ base, token, settings, id }, { modules, plain, said, refused }) =>
  // The client has no method for it, but calls any endpoint. It returns errors of the API.
  plain(modules("zulip-js"))({ username: settings.user, apiKey: token, realm: base })
    .then((client) => client.callEndpoint("/scheduled_messages/" + id, "DELETE"))
    .then((answer) => answer.result === "success"
      ? said("stopped", answer.result)
      : refused(undefined, { BAD_REQUEST: "gone_or_sent", INVALID_API_KEY: "denied" }[answer.code],
        [answer.code, answer.msg]));
