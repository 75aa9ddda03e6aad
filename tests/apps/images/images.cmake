# The images that the tests of the room r2r read, made by a CTest fixture; tests/apps/images.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(images "${CMAKE_BINARY_DIR}/images")
add_test(NAME unit.images
         COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/images.py ${images})
set_tests_properties(unit.images PROPERTIES FIXTURES_SETUP images LABELS unit TIMEOUT 600)

foreach(file IN LISTS unit_tests)
  get_filename_component(name "${file}" NAME_WE)
  foreach(test IN ITEMS unit.${name} unit.${name}.address)
    if(name MATCHES "^r2r_" AND TEST ${test})
      set_property(TEST ${test} APPEND PROPERTY FIXTURES_REQUIRED images)
      set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT "REJIG_IMAGES=${images}")
    endif()
  endforeach()
endforeach()
