"use strict";

module.exports = ({ base, token, settings, id }, { modules, said, refused }) => {
  const textmagic = modules("textmagic-client");
  const client = textmagic.ApiClient.instance;
  client.basePath = base;
  client.authentications.BasicAuth.username = settings.user;
  client.authentications.BasicAuth.password = token;
  const input = new textmagic.DeleteScheduledMessagesBulkRequest();
  input.ids = id;
  return new textmagic.TextMagicApi().deleteScheduledMessagesBulk(input).then(
    () => said("accepted"),
    (error) => refused(error.status, undefined, [error.message]),
  );
};
