# libfdt reads and writes device tree blobs; zlib unpacks Image.gz; xxHash makes the digests of --hash; dtc compiles the boards' sources into the program.
find_package(ZLIB REQUIRED)
find_library(FERRY_FDT fdt REQUIRED)
find_program(FERRY_DTC dtc REQUIRED)
find_library(FERRY_XXHASH xxhash REQUIRED)
target_link_libraries(ferry_machines PUBLIC ${FERRY_FDT} ZLIB::ZLIB ${FERRY_XXHASH})

file(GLOB boards CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/machines/*.dts)
foreach(board IN LISTS boards)
  get_filename_component(name ${board} NAME_WE)
  set(blob ${CMAKE_BINARY_DIR}/machines/${name}.dtb)
  add_custom_command(OUTPUT ${blob} ${blob}.h
    COMMAND ${FERRY_DTC} -q -I dts -O dtb -o ${blob} ${board}
    COMMAND ${CMAKE_COMMAND} -DIN=${blob} -DOUT=${blob}.h -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${board} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "dtc ${name}.dts")
  target_sources(ferry_machines PRIVATE ${blob}.h)
endforeach()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/machines)
target_include_directories(ferry_machines PRIVATE ${CMAKE_BINARY_DIR})
