"use strict";

module.exports = ({ base, token, settings, id }, { modules, said, refused }) => {
  const mailchimp = modules("@mailchimp/mailchimp_marketing");
  mailchimp.setConfig({ apiKey: token, server: settings.server });
  mailchimp.basePath = base + "/3.0";
  return mailchimp.campaigns.unschedule(id).then(
    () => said("stopped"),
    (error) => refused(error.status, { 400: "not_stoppable", 404: "not_found" }[error.status],
      [error.message, error.response && error.response.text]),
  );
};
