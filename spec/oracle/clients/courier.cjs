"use strict";

module.exports = ({ base, token, id }, { modules, plain, said, refused }) => {
  const Courier = plain(modules("@trycourier/courier"));
  const read = (message) => ({
    CANCELED: "stopped", SENT: "too_late", DELIVERED: "too_late", DELAYED: "not_stoppable",
    FILTERED: "not_stoppable",
  }[message && message.status]);
  return new Courier({ apiKey: token, baseURL: base, maxRetries: 0 }).messages.cancel(id).then(
    (message) => said(read(message) || "unknown", message.status),
    (error) => refused(error.status,
      error instanceof Courier.ConflictError ? read(error.error)
        : error instanceof Courier.NotFoundError ? "not_found"
          : error instanceof Courier.PermissionDeniedError ? "denied" : undefined,
      [error.constructor.name, error.error]),
  );
};
