"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { Client, SmsResource } = modules("@seven.io/client");
  Client.BASE_URL = base + "/api";
  const client = new Client({ apiKey: token });
  return new SmsResource(client).delete({ ids: [id] }).then(
    (answer) => said((answer.deleted || []).includes(id) ? "stopped" : "gone_or_sent",
      answer.deleted),
    // Its errors have the number of the answer, and a name: "900: InvalidApiKey".
    (error) => refused(undefined, /^900:/.test(error.message) ? "denied" : undefined,
      error.message),
  );
};
