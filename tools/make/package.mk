# Debian packages.

# Built from a copy, as dpkg-buildpackage writes beside the tree it is run in. The
# maintainer has no address before somebody uploads it.
DEB = build/deb
.PHONY: deb

deb: ## Debian packages, into build/deb
	@sh tools/packages.sh deb
	$(Q)rm -rf $(DEB)
	$(Q)mkdir -p $(DEB)/source
	$(Q)tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C $(DEB)/source
	@echo "DPKG $(DEB)"
	$(Q)cd $(DEB)/source && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b >../log 2>&1 || \
	  { tail -n 30 ../log >&2; exit 1; }
	$(Q)rm -rf $(DEB)/source
	$(Q)lintian --allow-root --fail-on error,warning \
	  --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog $(DEB)/*.changes
	@ls $(DEB)/*.deb
