"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const klaviyo = modules("klaviyo-api");
  const retries = new klaviyo.RetryWithExponentialBackoff({
    retryCodes: [], numRetries: 0, maxInterval: 1,
  });
  const api = new klaviyo.CampaignsApi(new klaviyo.ApiKeySession(token, retries));
  api.basePath = base;
  return api.cancelCampaignSend(id, {
    data: { type: "campaign-send-job", id, attributes: { action: "cancel" } },
  }).then(
    (answer) => said(answer.response.status === 204 ? "accepted" : "unknown"),
    (error) => {
      const { status, data } = error.response || {};
      const code = data && data.errors && data.errors[0] && data.errors[0].code;
      return refused(status, {
        not_found: "not_found", permission_denied: "denied", invalid: "failed",
      }[code], [error.constructor.name, code]);
    },
  );
};
