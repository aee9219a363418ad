# The rules of the house: doors between rooms, words, figures in documents, and the tools of ./dev.
add_test(NAME house COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/house_test.py)
add_test(NAME choices COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tools/choices.py --check)
