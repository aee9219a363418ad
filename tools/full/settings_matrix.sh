#!/bin/bash
# every switch of the settings, in every position: programs, instructions, random sequences, a boot, and the boot's beginning in lockstep with the interpreter
# order: 60
set -e
./dev build ferry test_insn test_random guest_program_exceptions guest_program_faults guest_program_traps
./dev guests min
python3 tests/settings/matrix_test.py full build/ferry build build/guests/min "$FERRY_WORK"
