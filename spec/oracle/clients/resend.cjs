"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { Resend } = modules("resend");
  return new Resend(token, { baseUrl: base }).emails.cancel(id).then(({ data, error }) =>
    error
      ? refused(error.statusCode, {
        not_found: "not_found", invalid_api_key: "denied", missing_api_key: "denied",
        restricted_api_key: "denied",
      }[error.name] || (/api key is invalid/i.test(error.message) ? "denied"
        : error.statusCode === 422 ? "not_stoppable" : undefined), [error.name, error.message])
      : said("accepted", data.object));
};
