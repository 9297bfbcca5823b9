#!/bin/sh
# Runs build/tests/test_numa in an emulated machine with two memory nodes of two processors each.
# Takes a minute or two. scripts/test_numa.sh [BUILD [KERNEL]]: the folder that weir was built in, and
# the kernel to boot, by default that of the package linux-image-cloud-amd64, which is fetched and not
# installed. Debian: qemu-system-x86 busybox-static cpio. Exit status 77: skipped.
set -eu
cd "$(dirname "$0")/.."
test=${1:-build}/tests/test_numa
kernel=${2:-}

skip() {
    echo "test_numa: skipped: $1"
    exit 77
}
[ "$(uname -m)" = x86_64 ] || skip "made for x86_64 alone"
for tool in qemu-system-x86_64 busybox cpio timeout; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip "busybox is not a static one"
[ -x "$test" ] || {
    echo "test_numa: $test is missing, expected weir to have been built there" >&2
    exit 1
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if [ -z "$kernel" ]; then
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[^ ]*\)/\1/p' | head -n 1)
    [ -n "$package" ] || skip "no package linux-image-cloud-amd64, and no kernel was given"
    (cd "$out" && apt-get download "$package" >/dev/null 2>&1) || skip "$package cannot be fetched"
    dpkg-deb -x "$out"/linux-image-*.deb "$out/package"
    kernel=$(ls "$out"/package/boot/vmlinuz-*)
fi

# The test with its libraries, and a first process that runs it and turns the machine off.
root=$out/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$test" "$root/test"
ldd "$test" | sed -n 's/.* \(\/[^ ]*\) (0x.*/\1/p;s/^[[:space:]]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u |
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
cat >"$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
cd /tmp
/test
echo "test_numa: exit $?"
/bin/busybox poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc 2>/dev/null) | gzip -1 >"$out/initrd"

# Emulated, not KVM: that is not to be had everywhere, and fails in virtual machines in many ways.
timeout 600 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 4,sockets=2,cores=2 -m 2G \
    -object memory-backend-ram,id=m0,size=1G -object memory-backend-ram,id=m1,size=1G \
    -numa node,nodeid=0,cpus=0-1,memdev=m0 -numa node,nodeid=1,cpus=2-3,memdev=m1 \
    -kernel "$kernel" -initrd "$out/initrd" -append "console=ttyS0 quiet panic=-1" \
    -nographic -no-reboot -nic none </dev/null 2>"$out/errors" | tr -d '\r' | tee "$out/log"
grep -q "^test_numa: exit 0" "$out/log" || {
    cat "$out/errors" >&2
    echo "test_numa: failed" >&2
    exit 1
}
echo "test_numa: passed"
