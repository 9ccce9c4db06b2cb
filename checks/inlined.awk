#!/usr/bin/awk -f
# Of a disassembly: the functions that call an intrinsic rather than hold it, with how often. A closure that the compiler
# did not inline lacks the instructions of the function that it stands in; `#[inline(always)]` on it, or a loop in its
# place, brings them back.

/^[0-9a-f]+ <.*>:$/ {
    name = $0
    functions++
}

/call.*core_arch::/ && !/cpuid|xgetbv/ {
    calls[name]++
}

END {
    if (!functions) {
        print "expected a disassembly, found none"
        exit 2
    }
    for (name in calls) {
        print calls[name], name
        found = 1
    }
    exit found
}
