"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { Infobip, AuthType } = modules("@infobip-api/sdk");
  const client = new Infobip({ baseUrl: base, apiKey: token, authType: AuthType.ApiKey });
  // The client returns an error where others throw it.
  return client.channels.sms.updateMessageStatus(id, "CANCELED").then((answer) => {
    const response = answer.response || answer;
    const word = response.data && response.data.status;
    if (response.status === 200) {
      return said({ CANCELED: "stopped", FINISHED: "too_late", PROCESSING: "too_late" }[word]
        || "unknown", word);
    }
    return refused(response.status, { 404: "not_found", 409: "not_stoppable" }[response.status],
      [answer.constructor.name, response.data]);
  });
};
