find_path(SODIUM_INCLUDE sodium.h REQUIRED)
find_library(SODIUM_LIBRARY sodium REQUIRED)
target_include_directories(ferry_runtime SYSTEM PRIVATE ${SODIUM_INCLUDE})
target_link_libraries(ferry_runtime PRIVATE ${SODIUM_LIBRARY})
