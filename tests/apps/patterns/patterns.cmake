# The library that the tests of the room metadata read, built by a CTest fixture: once with its
# pdb beside it and once with the pdb inside.
set(patterns "${CMAKE_BINARY_DIR}/patterns")
set(patterns_project "${CMAKE_CURRENT_LIST_DIR}/library/Patterns.csproj")
foreach(kind portable embedded)
  add_test(NAME unit.patterns_${kind}
           COMMAND dotnet build ${patterns_project} -c Release --nologo -v quiet
                   -o ${patterns}/${kind} -p:DebugType=${kind} -nodeReuse:false
                   -p:BaseIntermediateOutputPath=${patterns}/obj/${kind}/
                   -p:MSBuildProjectExtensionsPath=${patterns}/obj/${kind}/)
  set_tests_properties(unit.patterns_${kind} PROPERTIES
    FIXTURES_SETUP patterns LABELS unit TIMEOUT 300 RESOURCE_LOCK patterns)
endforeach()

foreach(file IN LISTS unit_tests)
  get_filename_component(name "${file}" NAME_WE)
  if(name MATCHES "^metadata_")
    set_property(TEST unit.${name} APPEND PROPERTY FIXTURES_REQUIRED patterns)
    set_property(TEST unit.${name} APPEND PROPERTY ENVIRONMENT
      "REJIG_PATTERNS=${patterns}" "REJIG_PATTERNS_SOURCE=${CMAKE_CURRENT_LIST_DIR}/library")
  endif()
endforeach()
