"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { MailerSend } = modules("mailersend");
  const client = new MailerSend({ apiKey: token });
  client.email.schedule.baseUrl = base + "/v1";
  return client.email.schedule.delete(id).then(
    (answer) => said(answer.statusCode === 204 ? "stopped" : "unknown", answer.statusCode),
    (error) => {
      const text = String(error.body && error.body.message);
      return refused(error.statusCode, error.statusCode === 404
        ? (/already been sent/.test(text) ? "gone_or_sent" : "not_found") : undefined, text);
    },
  );
};
