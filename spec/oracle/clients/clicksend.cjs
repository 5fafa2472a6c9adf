"use strict";

module.exports = ({ base, token, settings, id }, { modules, said, refused }) => {
  const { SMSApi } = modules("clicksend/api.js");
  const api = new SMSApi(settings.user, token, base + "/v3");
  return api.smsCancelByMessageIdPut(id).then(
    ({ body }) => said(body.response_code === "SUCCESS" || /SUCCESS/.test(String(body))
      ? "accepted" : "unknown", body),
    ({ response, body }) => refused(response.statusCode, {
      404: "not_found", 403: "denied", 400: "failed",
    }[response.statusCode], body),
  );
};
