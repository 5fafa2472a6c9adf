"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { Novu } = modules("@novu/api");
  const client = new Novu({
    secretKey: token, serverURL: base, retryConfig: { strategy: "none" },
  });
  return client.cancel(id).then(
    ({ result }) => said(result === true ? "stopped" : result === false ? "not_stoppable"
      : "unknown", result),
    (error) => refused(error.statusCode, { 404: "not_found", 403: "denied" }[error.statusCode],
      [error.constructor.name, error.message]),
  );
};
