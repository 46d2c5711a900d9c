"""How many will ask: by day, hour and month, by location, region and group, with intervals.

`calendar` holds weekdays, closed and special days; `daily_forecast` foretells days (walk-ins too, as a series of their own), `profile` splits them into
hours, `booking_curve` joins what is on the book, `monthly_forecast` lets many short series share a season, `reconciled` makes all add up.
Who may call: spokes, journeys.
"""

from carewheel.science.forecasting.demand.booking_curve import BookingCurve, booking_curve
from carewheel.science.forecasting.demand.calendar import Calendar, calendar
from carewheel.science.forecasting.demand.daily import Forecast, daily_forecast
from carewheel.science.forecasting.demand.hourly import Profile, profile
from carewheel.science.forecasting.demand.monthly import MonthlyForecast, monthly_forecast
from carewheel.science.forecasting.demand.reconciliation import Hierarchy, Reconciled, hierarchy, reconciled

__all__ = [
    "BookingCurve",
    "Calendar",
    "Forecast",
    "Hierarchy",
    "MonthlyForecast",
    "Profile",
    "Reconciled",
    "booking_curve",
    "calendar",
    "daily_forecast",
    "hierarchy",
    "monthly_forecast",
    "profile",
    "reconciled",
]
