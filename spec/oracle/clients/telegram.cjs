"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { Telegram } = modules("telegraf");
  const [chat, message] = id.split("/").map(Number);
  return new Telegram(token, { apiRoot: base }).deleteMessage(chat, message).then(
    (answer) => said(answer === true ? "recalled" : "unknown", answer),
    (error) => {
      const { error_code: code, description } = error.response || {};
      return refused(code,
        /to delete not found|chat not found/.test(description) ? "not_found"
          : /can't be deleted/.test(description) ? "not_stoppable"
            : code === 403 ? "denied" : undefined, [error.constructor.name, description]);
    },
  );
};
