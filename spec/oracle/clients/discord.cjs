"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { REST } = modules("@discordjs/rest");
  const [channel, message] = id.split("/");
  const rest = new REST({ api: base + "/api", version: "10", retries: 0 }).setToken(token);
  return rest.delete(`/channels/${channel}/messages/${message}`).then(
    () => said("recalled"),
    (error) => refused(error.status, {
      10008: "not_found", 10003: "not_found", 50013: "denied", 50001: "denied",
    }[error.code], [error.constructor.name, error.code]),
  );
};
