#!/usr/bin/env python3
"""What a release is made of, as CycloneDX 1.5 JSON on standard output: each crate that is linked into the binary, with its
licence and the checksum under which Cargo.lock holds it, and the C libraries that crates bring along.

    deploy/sbom.py TARGET, such as x86_64-unknown-linux-musl

Needs cargo and Python 3.11, and nothing from the network that a build has not fetched.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def metadata(target):
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def in_the_binary(target):
    """Names and versions of what a release build links: no crate that only runs while it is built or tested."""
    command = ["cargo", "tree", "--locked", "--edges=normal,no-proc-macro", f"--target={target}", "--prefix=none"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {tuple(re.match(r"(\S+) v(\S+)", line).groups()) for line in lines if line}


def linked(graph, names):
    """Each of these packages, and which of the others it needs."""
    identities = {
        package["id"] for package in graph["packages"] if (package["name"], package["version"]) in names
    }
    return {
        node["id"]: sorted(other["pkg"] for other in node["deps"] if other["pkg"] in identities)
        for node in graph["resolve"]["nodes"]
        if node["id"] in identities
    }


def checksums():
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(package["name"], package["version"]): package.get("checksum") for package in packages}


def component(package, checksum):
    entry = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package.get("license"):
        # SPDX has no "/", which old manifests use for OR.
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def bundled(packages):
    """SQLite comes as C source inside libsqlite3-sys."""
    for package in packages:
        header = Path(package["manifest_path"]).parent / "sqlite3/sqlite3.h"
        if package["name"] == "libsqlite3-sys" and header.exists():
            version = re.search(r'#define SQLITE_VERSION +"([\d.]+)"', header.read_text()).group(1)
            purl = f"pkg:generic/sqlite@{version}"
            yield {
                "type": "library",
                "bom-ref": purl,
                "name": "sqlite",
                "version": version,
                "purl": purl,
                "licenses": [{"license": {"name": "Public Domain"}}],
            }


def main(target):
    graph = metadata(target)
    tree = linked(graph, in_the_binary(target))
    packages = {package["id"]: package for package in graph["packages"] if package["id"] in tree}
    root = packages.pop(graph["resolve"]["root"])
    sums = checksums()
    libraries = sorted(packages.values(), key=lambda package: (package["name"], package["version"]))
    every = {root["id"]: root, **packages}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {**component(root, None), "type": "application"},
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": [
            *(component(package, sums.get((package["name"], package["version"]))) for package in libraries),
            *bundled(libraries),
        ],
        "dependencies": [
            {"ref": reference(every[package]), "dependsOn": sorted({reference(every[other]) for other in needs})}
            for package, needs in sorted(tree.items(), key=lambda item: reference(every[item[0]]))
        ],
    }
    json.dump(bill, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
