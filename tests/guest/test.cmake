# Bare-metal programs with expected UART text, on every tier; and on QEMU, with every difference explained.
find_program(FERRY_AARCH64_CC aarch64-linux-gnu-gcc)
if(TARGET ferry AND FERRY_AARCH64_CC)
  set(guest_dir ${CMAKE_CURRENT_SOURCE_DIR}/guest)
  set(guest_test /usr/bin/python3 ${guest_dir}/guest_test.py)
  # NAME or NAME:CPU (cortex-a57 when there is none)
  foreach(variant exceptions faults faults:max extensions:qarma traps atomics atomics:max endian:max gic smp sysreg_sweep)
    string(REGEX REPLACE ":.*" "" name ${variant})
    string(REPLACE ":" "_" test ${variant})
    set(elf ${CMAKE_CURRENT_BINARY_DIR}/guest/${name}.elf)
    if(NOT TARGET guest_program_${name})
    add_custom_command(OUTPUT ${elf}
      COMMAND ${FERRY_AARCH64_CC} -O1 -ffreestanding -nostdlib -static -mgeneral-regs-only -fno-pic -Wl,--build-id=none
              -Wl,--no-warn-rwx-segments -T ${guest_dir}/common/image.ld ${guest_dir}/${name}/start.S ${guest_dir}/${name}/main.c -o ${elf}
      DEPENDS ${guest_dir}/${name}/start.S ${guest_dir}/${name}/main.c ${guest_dir}/common/image.ld ${guest_dir}/common/print.h
              ${guest_dir}/exceptions/start.S VERBATIM)
    add_custom_target(guest_program_${name} ALL DEPENDS ${elf})
    endif()
    set(tiers interp baseline llvm tiered)
    # Every word of the sweep is new code: LLVM would compile for minutes.
    if(name STREQUAL sysreg_sweep)
      list(REMOVE_ITEM tiers llvm)
    endif()
    foreach(tier IN LISTS tiers)
      add_test(NAME guest_${test}_${tier} COMMAND ${guest_test} ferry ${tier} ${variant} ${elf})
      set_tests_properties(guest_${test}_${tier} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
    endforeach()
    add_test(NAME guest_${test}_qemu COMMAND ${guest_test} qemu ${variant} ${elf})
    set_tests_properties(guest_${test}_qemu PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120)
  endforeach()
  # Several processors that spin and YIELD, in virtual time.
  add_test(NAME guest_smp_virtual COMMAND ${guest_test} virtual interp,baseline smp ${CMAKE_CURRENT_BINARY_DIR}/guest/smp.elf)
  set_tests_properties(guest_smp_virtual PROPERTIES TIMEOUT 250 ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
  set(elf ${CMAKE_CURRENT_BINARY_DIR}/guest/features.elf)
  add_custom_command(OUTPUT ${elf}
    COMMAND ${FERRY_AARCH64_CC} -O1 -ffreestanding -nostdlib -static -mgeneral-regs-only -fno-pic -Wl,--build-id=none
            -Wl,--no-warn-rwx-segments -T ${guest_dir}/common/image.ld ${guest_dir}/features/start.S ${guest_dir}/features/main.c -o ${elf}
    DEPENDS ${guest_dir}/features/start.S ${guest_dir}/features/main.c ${guest_dir}/common/image.ld ${guest_dir}/common/print.h
            ${guest_dir}/sysreg_sweep/start.S VERBATIM)
  add_custom_target(guest_program_features ALL DEPENDS ${elf})
  set(features_test /usr/bin/python3 ${guest_dir}/features_test.py)
  foreach(tier interp baseline llvm tiered)
    add_test(NAME guest_features_${tier} COMMAND ${features_test} ferry ${tier} ${elf} cortex-a57 max max,pauth=off max,pauth-impdef=off)
    set_tests_properties(guest_features_${tier} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
  endforeach()
  add_test(NAME guest_features_each COMMAND ${features_test} ferry baseline ${elf} each)
  set_tests_properties(guest_features_each PROPERTIES TIMEOUT 600 ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
  add_test(NAME guest_features_qemu COMMAND ${features_test} qemu ${elf})
  set_tests_properties(guest_features_qemu PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 700)
  set(elf ${CMAKE_CURRENT_BINARY_DIR}/guest/plain.elf)
  add_custom_command(OUTPUT ${elf}
    COMMAND ${FERRY_AARCH64_CC} -nostdlib -static -fno-pic -Wl,-Ttext=0x40000000 ${guest_dir}/plain/start.S -o ${elf}
    DEPENDS ${guest_dir}/plain/start.S VERBATIM)
  add_custom_target(guest_program_plain ALL DEPENDS ${elf})
  add_test(NAME guest_plain COMMAND ${guest_test} ferry tiered plain ${elf})
  set_tests_properties(guest_plain PROPERTIES TIMEOUT 120 ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
  add_test(NAME guest_plain_qemu COMMAND ${guest_test} qemu plain ${elf})
  set_tests_properties(guest_plain_qemu PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120)
  set(elf ${CMAKE_CURRENT_BINARY_DIR}/guest/semihosting.elf)
  add_custom_command(OUTPUT ${elf}
    COMMAND ${FERRY_AARCH64_CC} -O1 -ffreestanding -nostdlib -static -mgeneral-regs-only -fno-pic -Wl,--build-id=none
            -Wl,--no-warn-rwx-segments -T ${guest_dir}/common/image.ld ${guest_dir}/semihosting/start.S ${guest_dir}/semihosting/main.c -o ${elf}
    DEPENDS ${guest_dir}/semihosting/start.S ${guest_dir}/semihosting/main.c ${guest_dir}/common/image.ld VERBATIM)
  add_custom_target(guest_program_semihosting ALL DEPENDS ${elf})
  add_test(NAME guest_semihosting COMMAND /usr/bin/python3 ${guest_dir}/semihosting_test.py $<TARGET_FILE:ferry> ${elf})
  set_tests_properties(guest_semihosting PROPERTIES TIMEOUT 300)
  # The memory model on 2 and 4 processors.
  set(elf ${CMAKE_CURRENT_BINARY_DIR}/guest/litmus.elf)
  file(GLOB litmus_files CONFIGURE_DEPENDS ${guest_dir}/litmus/*)
  add_custom_command(OUTPUT ${elf} COMMAND ${guest_dir}/litmus/build.sh ${FERRY_AARCH64_CC} ${elf} -DBATCHES=1 -DINSTANCES=48 -DCROSSINGS=300 -DTEST_MS=100 -DTWIN_MS=1000
            -DTOTAL_MS=100000
    DEPENDS ${litmus_files} ${guest_dir}/common/image.ld ${guest_dir}/common/print.h VERBATIM)
  add_custom_target(guest_program_litmus ALL DEPENDS ${elf})
  foreach(run interp:2 baseline:4 llvm:2 tiered:4)
    string(REPLACE ":" ";" parts ${run})
    list(GET parts 0 tier)
    list(GET parts 1 processors)
    add_test(NAME guest_litmus_${tier}_${processors} COMMAND /usr/bin/python3 ${guest_dir}/litmus/litmus_test.py ferry ${tier} ${processors} ${elf})
    set_tests_properties(guest_litmus_${tier}_${processors} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 RUN_SERIAL TRUE
      ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
  endforeach()
  set(elf ${CMAKE_CURRENT_BINARY_DIR}/guest/chaos.elf)
  add_custom_command(OUTPUT ${elf}
    COMMAND ${FERRY_AARCH64_CC} -nostdlib -static -Wl,--build-id=none -Wl,--no-warn-rwx-segments -T ${guest_dir}/common/image.ld
            ${guest_dir}/chaos/start.S -o ${elf}
    DEPENDS ${guest_dir}/chaos/start.S ${guest_dir}/common/image.ld VERBATIM)
  add_custom_target(guest_program_chaos ALL DEPENDS ${elf})
  foreach(tier baseline llvm tiered)
    add_test(NAME guest_chaos_${tier} COMMAND /usr/bin/python3 ${guest_dir}/chaos/chaos_test.py ${tier} ${elf})
    set_tests_properties(guest_chaos_${tier} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
  endforeach()
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/guest)
else()
  message(STATUS "no AArch64 cross compiler: the bare-metal tests are left out")
endif()
