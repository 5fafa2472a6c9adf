"use strict";

module.exports = ({ base, token, settings, id }, { modules, plain, said, refused }) => {
  const Mailgun = plain(modules("mailgun.js"));
  const client = new Mailgun(FormData).client({ username: "api", key: token });
  const host = `storage-${settings.region}.api.mailgun.net`;
  // The client takes its three storage hosts only, and speaks https to them.
  const requests = client.messages.request;
  const command = requests.command.bind(requests);
  requests.command = (method, url, ...rest) =>
    command(method, url.replace("https://" + host, base), ...rest);
  return client.messages.clearMessagesQueue(id, host).then(
    (answer) => said(answer.message === "done" ? "accepted" : "unknown", answer.message),
    (error) => refused(error.status,
      error.status === 404 && error.details === "domain not found" ? "not_found" : undefined,
      [error.message, error.details]),
  );
};
