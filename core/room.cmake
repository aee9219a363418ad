target_link_libraries(ferry_core PUBLIC fmt::fmt Threads::Threads)
