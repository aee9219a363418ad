find_library(CAPSTONE_LIBRARY capstone REQUIRED)
target_link_libraries(ferry_debug PRIVATE ${CAPSTONE_LIBRARY})
