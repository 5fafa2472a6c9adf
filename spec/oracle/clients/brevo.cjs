"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { Brevo, BrevoClient } = modules("@getbrevo/brevo");
  const client = new BrevoClient({ apiKey: token, baseUrl: base + "/v3", maxRetries: 0 });
  return client.transactionalEmails.deleteScheduledEmailById({ identifier: id }).then(
    () => said("stopped"),
    (error) => {
      const code = error.body && error.body.code;
      return refused(error.statusCode,
        error instanceof Brevo.UnauthorizedError || code === "unauthorized" ? "denied"
          : code === "document_not_found" ? "not_found"
            : error instanceof Brevo.BadRequestError ? "not_stoppable" : undefined,
        [error.constructor.name, code]);
    },
  );
};
