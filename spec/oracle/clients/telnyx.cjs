"use strict";

module.exports = ({ base, token, id }, { modules, plain, said, refused }) => {
  const Telnyx = plain(modules("telnyx"));
  const client = new Telnyx({ apiKey: token, baseURL: base + "/v2", maxRetries: 0 });
  return client.messages.cancelScheduled(id).then(
    (message) => {
      const words = message.to.map((to) => to.status);
      return said(words.every((word) => word === "cancelled") ? "stopped"
        : words.every((word) => word === "scheduled") ? "not_stoppable" : "too_late", words);
    },
    (error) => refused(error.status,
      error instanceof Telnyx.NotFoundError ? "not_found"
        : error instanceof Telnyx.AuthenticationError ? "denied"
          : error instanceof Telnyx.PermissionDeniedError ? "forbidden" : undefined,
      [error.constructor.name, error.message]),
  );
};
