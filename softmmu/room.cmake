# 16-byte compare and swap (STXP, CASP) inline on x86; elsewhere the compiler's runtime has it.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(ferry_softmmu PRIVATE -mcx16)
else()
  target_link_libraries(ferry_softmmu PUBLIC atomic)
endif()
