"use strict";

module.exports = ({ base, token, id }, { modules, plain, said, refused }) => {
  const Knock = plain(modules("@knocklabs/node"));
  const at = id.indexOf("/");
  const client = new Knock({ apiKey: token, baseURL: base, maxRetries: 0 });
  return client.workflows.cancel(id.slice(0, at), { cancellation_key: id.slice(at + 1) }).then(
    () => said("accepted"),
    (error) => refused(error.status,
      error instanceof Knock.NotFoundError ? "not_found"
        : error instanceof Knock.PermissionDeniedError ? "denied" : undefined,
      [error.constructor.name, error.message]),
  );
};
