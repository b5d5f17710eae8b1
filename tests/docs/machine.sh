# A machine of its own, as far as a page can see: run by machine.py in namespaces of its own, as root.
# WORK: a folder for it. CHECKOUT: the tree of the tests. OPT: what is at /opt/callboard. PYTHON: where the Python lies that the tests are run with.
set -eu
mkdir -p "$WORK/etc" "$WORK/python"
cp -a /etc/. "$WORK/etc"
for file in passwd shadow group gshadow subuid subgid; do
    [ ! -e "$WORK/etc/$file" ] || sed -i -E '/^(alice|bob|carol):/d' "$WORK/etc/$file"
done
mount --bind "$PYTHON" "$WORK/python"

# what pages add is gone with it: accounts, homes, programs, backups
mount --bind "$WORK/etc" /etc
for place in /home /root /srv /opt /var/backups /var/log /var/mail /var/spool /run; do
    mkdir -p "$place"
    mount -t tmpfs -o mode=755 tmpfs "$place"
done
if [ ! -e "$PYTHON/bin/python3" ]; then
    mkdir -p "$PYTHON"
    mount --bind "$WORK/python" "$PYTHON"
fi
mkdir -p /opt/callboard /srv/hub
mount --bind "$OPT" /opt/callboard

# and nothing else of the real machine can be changed
mount --bind /tmp /tmp
[ "${WORK#/tmp/}" != "$WORK" ] || mount --bind "$WORK" "$WORK"
mount -o remount,ro,bind /

# what is installed is all there is of Callboard: its tree is not to be seen
case "$WORK$WHEELHOUSE" in *"$CHECKOUT"/*) ;; *) mount -t tmpfs -o ro,mode=755 tmpfs "$CHECKOUT" ;; esac

ip link set lo up
cd /srv/hub
exec env -i WORK="$WORK" HOME=/root LANG=C.UTF-8 PATH="$SHELL_PATH" PIP_NO_INDEX=1 PIP_FIND_LINKS="$WHEELHOUSE" \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore PIP_PROGRESS_BAR=off bash --noprofile --norc
