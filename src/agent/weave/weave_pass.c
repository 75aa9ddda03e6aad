#include "clr_element.h"
#include "weave.h"

enum weave_pass weave_pass_of(uint8_t element_type, bool generic_instance_is_value_type)
{
    switch (element_type) {
    case ELEMENT_TYPE_BOOLEAN:
    case ELEMENT_TYPE_CHAR:
    case ELEMENT_TYPE_I1:
    case ELEMENT_TYPE_U1:
    case ELEMENT_TYPE_I2:
    case ELEMENT_TYPE_U2:
    case ELEMENT_TYPE_I4:
    case ELEMENT_TYPE_U4:
    case ELEMENT_TYPE_I8:
    case ELEMENT_TYPE_U8:
    case ELEMENT_TYPE_I:
    case ELEMENT_TYPE_U:
    case ELEMENT_TYPE_PTR:
    case ELEMENT_TYPE_FNPTR:
        return WEAVE_PASS_SCALAR;
    case ELEMENT_TYPE_R4:
    case ELEMENT_TYPE_R8:
        return WEAVE_PASS_DOUBLE;
    case ELEMENT_TYPE_STRING:
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_OBJECT:
    case ELEMENT_TYPE_ARRAY:
    case ELEMENT_TYPE_SZARRAY:
        return WEAVE_PASS_REFERENCE;
    case ELEMENT_TYPE_VALUETYPE:
    case ELEMENT_TYPE_VAR:
    case ELEMENT_TYPE_MVAR:
    case ELEMENT_TYPE_BYREF:
        return WEAVE_PASS_ADDRESS;
    case ELEMENT_TYPE_GENERICINST:
        return generic_instance_is_value_type ? WEAVE_PASS_ADDRESS : WEAVE_PASS_REFERENCE;
    default:
        return 0;
    }
}
