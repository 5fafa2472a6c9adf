"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
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
};
