"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
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
};
