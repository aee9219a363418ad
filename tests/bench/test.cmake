# The benchmarks' harness, without emulators.
add_test(NAME bench_harness COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/bench_test.py)
set_tests_properties(bench_harness PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
