"use strict";

module.exports = ({ base, token, settings, id }, { modules, said, refused }) => {
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
};
