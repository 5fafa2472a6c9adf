"use strict";

module.exports = ({ base, token, settings, id }, { modules, said, refused }) => {
  const onesignal = modules("@onesignal/node-onesignal");
  const configuration = onesignal.createConfiguration({
    restApiKey: token, baseServer: new onesignal.ServerConfiguration(base, {}),
  });
  return new onesignal.DefaultApi(configuration).cancelNotification(settings.application, id)
    .then(
      (answer) => said(answer.success === true ? "stopped" : "unknown", answer.success),
      (error) => {
        const body = JSON.stringify(error.body || null);
        return refused(error.code, {
          400: /already/i.test(body) ? "too_late" : "failed", 404: "gone_or_sent",
        }[error.code], [error.constructor.name, body]);
      },
    );
};
