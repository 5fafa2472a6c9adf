"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { Braze } = modules("braze-api");
  return new Braze(base, token).messages.schedule.delete({ schedule_id: id }).then(
    (answer) => said(answer.message === "success" ? "accepted" : "unknown", answer.message),
    (error) => refused(error.status, error.status < 500 && error.status !== 401
      ? "failed" : undefined, [error.constructor.name, error.message]),
  );
};
