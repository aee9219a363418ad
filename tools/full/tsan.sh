#!/bin/bash
# what has several threads passes under ThreadSanitizer
# order: 40
set -e
unset FERRY_SIZE   # the quick size: this run is about the compiler
# The rooms with threads, and programs of two and four processors. Translated code is not instrumented, so the guest's own
# accesses are watched in the interpreter only; LLVM has no part in it (the preset builds without the optimizing tier).
export FERRY_TARGETS="ferry test_core test_softmmu test_runtime test_devices test_control test_machines guest_program_smp guest_program_litmus guest_program_chaos"
tools/full_preset.sh tsan -R '^(core|softmmu|runtime|devices|control|machines|guest_smp_(interp|baseline)|guest_litmus_(interp_2|baseline_4)|guest_chaos_baseline)$'
