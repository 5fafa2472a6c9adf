# Pictures and pages.

.PHONY: picture pages check-page

picture: all ## docs/stopmsg.svg, from a run of the command on a terminal
	@sh tools/packages.sh picture
	@$(RUN) python3 tools/picture.py $(LUA) bin/stopmsg >build/stopmsg.svg
	$(Q)mv -f build/stopmsg.svg docs/stopmsg.svg

# Tables of pages: of providers, from the definitions and spec/oracle/facts; of options, from the
# command's parser. Specs compare.
pages: all ## write the tables of docs/providers.md and docs/reference.md anew
	@$(RUN) $(LUA) -e 'require("tools.providers").write() require("tools.reference").write()'

# What `stopmsg report --format html` makes, in headless Chromium.
check-page: all ## look at the page of stopmsg report in headless Chromium
	@sh tools/packages.sh page
	@$(RUN) python3 tools/check_page.py build/page $(LUA) bin/stopmsg
