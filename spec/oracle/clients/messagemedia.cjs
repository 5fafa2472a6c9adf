"use strict";

module.exports = ({ base, token, settings, id }, { modules, said, refused }) => {
  const { Configuration, MessagesController } = modules("messagemedia-messages-sdk");
  Configuration.basicAuthUserName = settings.key;
  Configuration.basicAuthPassword = token;
  Configuration.BASEURI = base;
  return MessagesController.cancelScheduledMessage(id, { status: "cancelled" }).then(
    () => said("stopped"),
    (error) => refused(error.errorCode, {
      400: "not_stoppable", 403: "denied", 404: "not_found",
    }[error.errorCode], [error.constructor.name, error.errorMessage]),
  );
};
