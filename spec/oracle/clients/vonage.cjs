"use strict";

// The client makes its tokens from a key; one that is made here is as good as any.
module.exports = ({ base, id }, { modules, said, refused }) => {
  const { generateKeyPairSync } = require("crypto");
  const { Messages } = modules("@vonage/messages");
  const { Auth } = modules("@vonage/auth");
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const auth = new Auth({ applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab", privateKey });
  return new Messages(auth, { apiHost: base }).updateMessage(id, "revoked").then(
    () => said("accepted"),
    (error) => refused(error.response && error.response.status, undefined, error.message),
  );
};
