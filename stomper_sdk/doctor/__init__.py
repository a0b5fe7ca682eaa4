"""What a run would need, looked at before it is needed; nothing is changed."""

from stomper_sdk.doctor.examination import examine
from stomper_sdk.doctor.remark import Remark, remarks_text, remarks_to_dict

__all__ = ["Remark", "examine", "remarks_text", "remarks_to_dict"]
