# Capstone decodes; nothing but this room and debug includes it.
find_library(CAPSTONE_LIBRARY capstone REQUIRED)
target_link_libraries(ferry_frontend PRIVATE ${CAPSTONE_LIBRARY})
