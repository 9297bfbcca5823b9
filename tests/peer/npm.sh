# npm.sh: Node and the packages of the peer tests, for the scripts that need them (sourced).
#
# Owns the installation: what package-lock.json pins goes under the build folder, in $PWD/npm, and
# where the system's node is older than 22 or missing but npm is there, node 22 itself comes from
# npm into $PWD/node. Nothing goes into the tree. Whatever stands in the way for good reason (no npm,
# no network) ends the script with 77 and the reason; a broken lock file is a failure. Needs $here, and
# $node_from where the pin of node is not under it.

skip() {
    echo "skipped: $1"
    exit 77
}

# Each step has its own limit, so that a hanging one is named.
limit() {
    seconds=$1
    shift
    code=0
    timeout "$seconds" "$@" || code=$?
    [ "$code" -ne 124 ] || echo "$1 did not end within $seconds s" >&2
    return "$code"
}

# What $1/package-lock.json pins, into $2, unless it is there already; $3 says what it is.
npm_install() {
    from=$1
    into=$2
    cmp -s "$from/package-lock.json" "$into/installed-lock.json" && return
    rm -rf "$into"
    mkdir -p "$into"
    cp "$from/package.json" "$from/package-lock.json" "$into"
    # The scripts of the packages would fetch or build what the prebuilt files already are.
    code=0
    (cd "$into" && limit 120 npm ci --ignore-scripts --prefer-offline --no-audit --no-fund \
        --fetch-retries=1 --fetch-timeout=60000 >npm.log 2>&1) || code=$?
    if [ "$code" -ne 0 ]; then
        why=$(sed -n 's/^npm [a-zA-Z!]* code //p' "$into/npm.log" | head -n 1)
        case $why in
        EUSAGE | EINTEGRITY | EJSONPARSE | ERESOLVE)
            cat "$into/npm.log"
            exit 1
            ;;
        esac
        skip "npm cannot install $3 here: ${why:-no answer}"
    fi
    cp "$from/package-lock.json" "$into/installed-lock.json"
}

node_major() {
    node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0
}

command -v node >/dev/null 2>&1 || skip "node is not installed"
command -v npm >/dev/null 2>&1 || skip "npm is not installed"
if [ "$(node_major)" -lt 22 ]; then
    npm_install "${node_from:-$here/node}" "$PWD/node" "node 22"
    for bin in "$PWD"/node/node_modules/node-*/bin; do
        PATH=$bin:$PATH
    done
    export PATH
    [ "$(node_major)" -ge 22 ] || skip "npm has no node 22 for this machine"
fi
install=$PWD/npm
npm_install "$here" "$install" "the packages"
