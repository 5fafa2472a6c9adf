"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const client = modules("@mailchimp/mailchimp_transactional")(token);
  client.basePath = base + "/api/1.3";
  // The client returns an error of HTTP where others throw it.
  return client.messages.cancelScheduled({ id }).then((answer) => {
    const response = answer.response;
    if (!response) {
      return said(answer._id === id || answer[0]._id === id ? "stopped" : "unknown");
    }
    return refused(response.status, { Unknown_Message: "not_found" }[response.data.name],
      [answer.constructor.name, response.data]);
  });
};
